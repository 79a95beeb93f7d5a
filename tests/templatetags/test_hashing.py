from __future__ import annotations

from django.template import Context, Template

from tests.site_models.models import Photo


def rendered(text, **context):
    return Template("{% load hashing %}" + text).render(Context(context))


def test_template_shows_similar_pictures(hashed_photo):
    first, second = hashed_photo("a"), hashed_photo("<b>")
    tag = (
        "{% similar_pictures photo as copies %}{% for copy in copies %}{{ copy.title }} {{ copy.distance }}{% endfor %}"
    )
    assert rendered(tag, photo=first) == "&lt;b&gt; 0"
    assert rendered(tag, photo=Photo()) == ""
    assert second.pk


def test_template_can_limit_what_is_searched(hashed_photo):
    first = hashed_photo("a")
    hashed_photo("b"), hashed_photo("c"), hashed_photo("b")
    shown = "{% for copy in copies %}{{ copy.title }}{% endfor %}"
    among = "{% similar_pictures photo among=photos as copies %}"
    assert rendered(among + shown, photo=first, photos=Photo.objects.filter(title="b")) == "bb"
    assert len(rendered("{% similar_pictures photo limit=2 as copies %}" + shown, photo=first)) == 2
    options = "{% similar_pictures photo max_distance=0 any_orientation=True field='original' as copies %}"
    assert len(rendered(options + shown, photo=first)) == 3
