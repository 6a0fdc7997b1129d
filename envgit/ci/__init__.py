"""What a step of a workflow does: read the event, do the right thing of all that envgit does, and say so where people look."""
