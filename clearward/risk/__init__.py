"""What an attacker can do with a release, measured from the files alone. Knows no protection."""
