"""Diagnoses of the three specialties: names in English and Chinese, codes in both lists."""
