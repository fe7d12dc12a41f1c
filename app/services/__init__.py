"""Verbs: functions that take the session first and never open or commit one."""
