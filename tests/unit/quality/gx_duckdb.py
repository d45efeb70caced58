"""What Great Expectations needs to read DuckDB. Add a mend here with a test that fails when it is
no longer needed; expectations and reports do not belong here.

Great Expectations reads a result after its connection has moved on to the next query, which
DuckDB's driver answers with an empty result (`IndexError: list index out of range`). The mend
takes every result into memory when its query ends. Gates read counts, so results are small.
"""

from __future__ import annotations

from duckdb_engine import Dialect
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

_ORIGINAL = Dialect.execution_ctx_cls


class BufferedContext(_ORIGINAL):  # type: ignore[misc, valid-type]
    """The dialect's execution context, holding every row as soon as the query has run."""

    def post_exec(self) -> None:
        """Fetch all rows before anything else uses the connection."""
        super().post_exec()
        if self.cursor.description:
            rows = self.cursor.fetchall()
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, alternate_description=None, initial_buffer=rows
            )


def install() -> None:
    """Buffer the results of every DuckDB engine of this process; may be called again."""
    Dialect.execution_ctx_cls = BufferedContext


def uninstall() -> None:
    """Take the mend away again, for the test that asks whether it is still needed."""
    Dialect.execution_ctx_cls = _ORIGINAL
