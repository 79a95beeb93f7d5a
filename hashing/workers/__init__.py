"""Processes that hash files. They import neither Django nor the rest of the app, so that they start quickly.

worker   file to outcome, in a process of its own
pool     keeps the workers busy, and survives what kills them
"""
