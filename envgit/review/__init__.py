"""What a proposed change does to environments, told from two commits and from what the log knows of the past."""
