"""Finished work, stored by its content: what a run that was interrupted need not do again."""
