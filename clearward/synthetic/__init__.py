"""Evaluation samples without a real row: differentially private synthetic patients."""
