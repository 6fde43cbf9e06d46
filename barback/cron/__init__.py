"""Cron expressions in a time zone, in the order of days that cron itself has."""

from barback.cron.schedule import CronSchedule, InvalidSchedule, cron, find_timezone

__all__ = ["CronSchedule", "InvalidSchedule", "cron", "find_timezone"]
