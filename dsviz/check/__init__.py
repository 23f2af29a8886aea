"""Judges: functions that read a trace or a history and return a `Verdict`."""
