"""How accepted tasks are worked on: who may, in what order, with what money, and what is left for the next one."""
