"""Telling one licensee's copy from another's: marks on the last digit of over-precise numbers, and
reading pseudonyms, calendar days and marks back from a file that turned up somewhere.

Keys come in as bytes and files as paths: who the licensees are, and what was handed to whom, is
known to `licensing` only.
"""
