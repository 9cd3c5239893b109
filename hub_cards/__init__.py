"""Model cards, and the one door through which anything is published."""

from xlzoo.hub_cards.cards import render_card
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts, Figure, Metric, Table
from xlzoo.hub_cards.probe import Probe
from xlzoo.hub_cards.publish import publish
from xlzoo.hub_cards.receipt import Receipt

__all__ = ["Facts", "Figure", "Metric", "Probe", "PublishError", "Receipt", "Table", "publish", "render_card"]
