"""Invented people, their stores and what they would ask: data to train personal search on, written here."""
