"""The HTTP door for buyers. No rule about licences or data is made here."""
