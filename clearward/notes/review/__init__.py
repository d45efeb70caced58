"""What a person looks at: the queue of doubtful findings, and a blind sample of a hospital.

Everything here shows text of notes: it is written inside the identified zone, for its owner alone,
and nowhere else. Counts leave; text does not.
"""

from clearward.notes.review.check import Sample, draw_sample, precision, read_judgements
from clearward.notes.review.page import write_page
from clearward.notes.review.queue import Item, queued

__all__ = [
    "Item",
    "Sample",
    "draw_sample",
    "precision",
    "queued",
    "read_judgements",
    "write_page",
]
