"""Processes that hash files. They import neither Django nor the rest of the app, so that they start quickly.

worker      file to outcome, in a process of its own
reading     the content of a file in a storage, up to a limit
s3          the same with one request a file, where the storage is S3
read_ahead  several files at a time, so that a worker does not wait for each
pool        keeps the workers busy, and survives what kills them
"""
