"""The image assets in Django's admin.

image_assets    the admin itself, put together from the rest
columns         what the list shows of a row
previews        small copies of the pictures on the pages
summary         how many are hashed, waiting, failed
paginator       page numbers of a large table without counting it
filters         by state
search          by key, by hash, by name
selection       which rows an action is about, in words that a queue can carry
runs            hash a selection, and say what came of it
actions         for the rows selected in the list
buttons         pages that say what will happen, and do it
similar         pictures like a given one, as cards
similar_form    what can be said about such a search
obstacles       why a picture cannot be searched by
matches         pages of what was found, uncounted
cards           a picture and what is known of it
picture_search  the upload of a picture to search by
pages           the frame of the admin around a page of our own
duplicate_links from the pictures to their groups
upload_field    refuses what is no picture
upload_messages what is said after an upload
deletion           deletes any number of images, in batches; deletion_job, what is carried from one to the next
cascades           permission for what is deleted with an image
marked_duplicates  deletes what editors have marked, with the files
pair_decisions     what was decided, to look at and to take back
review             groups of duplicates side by side, and the decisions about them
"""

from __future__ import annotations

from hashing.admin.image_assets import ImageAssetAdmin
from hashing.admin.marked_duplicates import MarkedDuplicateAdmin
from hashing.admin.pair_decisions import PairDecisionAdmin
from hashing.admin.review import DuplicateGroupAdmin

__all__ = ["DuplicateGroupAdmin", "ImageAssetAdmin", "MarkedDuplicateAdmin", "PairDecisionAdmin"]
