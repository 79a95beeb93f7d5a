from __future__ import annotations

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class GroupList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """As Django's. A page that decisions have emptied is the first one."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)

    @property
    def next_query(self) -> str:
        """The part of an address after its path; empty on the last page."""
        return self._page_query(self.page_num + 1)

    @property
    def previous_query(self) -> str:
        return self._page_query(self.page_num - 1)

    def _page_query(self, number: int) -> str:
        return self.get_query_string({"p": number}) if 1 <= number <= self.paginator.num_pages else ""
