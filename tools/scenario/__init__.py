"""A seeded world of five hops, from an application to the bill, with defects at known borders.

It is test data with its truth beside it; nothing in the package `auditor` uses it.
"""

from tools.scenario.lanes import ALL, Defect
from tools.scenario.truth import Planted, truth
from tools.scenario.world import FILES, World

__all__ = ["ALL", "FILES", "Defect", "Planted", "World", "truth"]
