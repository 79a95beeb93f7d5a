"""The review of duplicates: groups of pictures side by side, and the decisions of an editor about them.

group_admin     the admin itself: the list of groups, the page of one group, who may do what
group_list      Django's list with the addresses of the next page and the one before
filters         by state, by distance, by number of pictures
shown_groups    groups and their pictures as the pages show them
keeper_reason   why this picture of a group is the one to keep
place           the page that a decision was made on, and what it shows afterwards
decide          the views that decide and take back
carry_out       what they do
forms           what the buttons send
answers         what comes back: a fragment of the page, or the page again
outcomes        what was done, in words
last_decision   what "Undo" would take back
decision_log    decisions in the admin's history
"""

from __future__ import annotations

from hashing.admin.review.group_admin import DuplicateGroupAdmin

__all__ = ["DuplicateGroupAdmin"]
