from tests.unit.licensing.conftest import office, people, published

__all__ = ["office", "people", "published"]
