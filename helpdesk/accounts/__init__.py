"""Accounts: who works at the desk, how they prove who they are, and for how long that holds."""

from helpdesk.accounts.passwords import Passwords
from helpdesk.accounts.roster import Roster
from helpdesk.accounts.sign_in import SignIn

__all__ = ["Passwords", "Roster", "SignIn"]
