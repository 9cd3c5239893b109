"""Model cards, and the one door through which anything is published."""

from xlzoo.hub_cards.cards import Facts, Metric, render_card
from xlzoo.hub_cards.checks import PublishError
from xlzoo.hub_cards.publish import publish

__all__ = ["Facts", "Metric", "PublishError", "publish", "render_card"]
