from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from hashing.backfill import engine
from hashing.models import ImageAsset
from tests.admin.conftest import address, messages_of


def test_page_says_how_many_wait(editor, add_image):
    add_image("a.jpg")
    add_image("b.jpg")
    assert "2 images are waiting. They will be hashed while you wait." in editor.get(address("hash_waiting")).text


def test_page_without_work_offers_none(editor, add_image):
    add_image(hash_error="broken")
    text = editor.get(address("hash_waiting")).text
    assert "No image is waiting" in text
    assert 'type="submit" value="Hash all waiting"' not in text


def test_page_of_a_long_run_says_what_happens_without_a_queue(editor, add_image, settings):
    settings.HASHING = {"ACTION_LIMIT": 1}
    add_image("a.jpg")
    add_image("b.jpg")
    assert "The first 1 of them" in editor.get(address("hash_waiting")).text


def test_hashes_all_that_wait_and_none_that_failed(editor, add_image):
    add_image("a.jpg")
    add_image("b.jpg", content=b"no picture")
    failed = add_image("c.jpg", hash_error="broken before")
    response = editor.post(address("hash_waiting"), follow=True)
    assert messages_of(response)[0] == "1 image was hashed."
    assert response.request["PATH_INFO"] == address("changelist")
    failed.refresh_from_db()
    assert failed.hash_error == "broken before"
    assert LogEntry.objects.get().change_message == "Hash all waiting: 1 hashed, 1 failed"


def test_recompute_page_names_the_picture(editor, add_image):
    asset = add_image("birch.jpg")
    assert "birch.jpg" in editor.get(address("recompute", asset.pk)).text


def test_recompute_hashes_one_row_and_is_in_its_history(editor, add_image):
    asset, other = add_image("a.jpg", perceptual_hash="0" * 16), add_image("b.jpg")
    response = editor.post(address("recompute", asset.pk), follow=True)
    assert messages_of(response) == ["1 image was hashed."]
    assert response.request["PATH_INFO"] == address("change", asset.pk)
    assert ImageAsset.objects.get(pk=asset.pk).perceptual_hash != "0" * 16
    assert ImageAsset.objects.get(pk=other.pk).perceptual_hash is None
    assert "Recompute hash: 1 hashed" in editor.get(address("history", asset.pk)).text


def test_recompute_of_a_broken_file_says_so(editor, add_image):
    asset = add_image(content=b"no picture")
    [message] = messages_of(editor.post(address("recompute", asset.pk), follow=True))
    assert message.startswith("1 image could not be hashed")


def no_pool(*_arguments, **_keywords):
    raise AssertionError("worker processes were started")


def test_recompute_starts_no_worker_process(editor, add_image, monkeypatch):
    asset = add_image()
    monkeypatch.setattr(engine, "HashingPool", no_pool)
    editor.post(address("recompute", asset.pk))
    asset.refresh_from_db()
    assert asset.perceptual_hash


@pytest.mark.parametrize("reason", ["ProcessExpired: The worker process died (SIGSEGV)", "TimeoutError: Not hashed"])
def test_recompute_of_what_killed_a_process_is_left_to_one(editor, add_image, monkeypatch, reason):
    asset = add_image(hash_error=reason)
    monkeypatch.setattr(engine, "HashingPool", no_pool)
    with pytest.raises(AssertionError, match="worker processes were started"):
        editor.post(address("recompute", asset.pk))
