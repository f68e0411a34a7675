"""Deadlines: what was promised for which ticket, in whose business hours, and whether it is kept. Pure."""

from helpdesk.sla.clocks import Alert, Target, alerted, timed
from helpdesk.sla.hours import BusinessHours
from helpdesk.sla.policy import Rule, SlaPolicy, load_sla_policy

__all__ = ["Alert", "BusinessHours", "Rule", "SlaPolicy", "Target", "alerted", "load_sla_policy", "timed"]
