"""Free text: from notes and dialogues to findings, and from identified to scrubbed text.

`read_note` is the pure door (text in, findings out); `pipeline.read_partition` is the partition's.
"""

from clearward.notes.finding import Finding, Reject
from clearward.notes.reader import read_note, read_text

__all__ = ["Finding", "Reject", "read_note", "read_text"]
