"""Symptoms named in notes and dialogues, and whether the patient has them."""
