"""The monthly report: asked for, watched, cancelled."""
