"""Chores of the project; never part of the installed package."""
