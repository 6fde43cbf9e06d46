"""Orders by click: the bar's website."""
