"""Which code and vocabularies a candidate is made by."""

import subprocess

import pytest

from clearward.releases import lineage


def git(folder, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("git") / "project"
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "first")
    return folder


def test_the_commit_is_what_git_says_of_a_branch(project):
    assert lineage.git_commit(project) == git(project, "rev-parse", "HEAD") != ""


def test_a_worktree_and_a_detached_head_are_found_too(project):
    head = git(project, "rev-parse", "HEAD")
    other = project.with_name("worktree")
    git(project, "worktree", "add", "--quiet", "-b", "side", str(other))
    assert lineage.git_commit(other) == head
    git(other, "checkout", "--quiet", "--detach")
    assert lineage.git_commit(other) == head


def test_packed_branches_are_read(project):
    head = git(project, "rev-parse", "HEAD")
    git(project, "pack-refs", "--all")
    assert not (project / ".git" / "refs" / "heads" / "main").exists()
    assert lineage.git_commit(project) == head


def test_without_a_repository_there_is_no_commit(tmp_path):
    assert lineage.git_commit(tmp_path) == ""
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert lineage.git_commit(tmp_path) == ""


def test_a_vocabulary_is_a_seed_with_its_hash():
    node = {"resource_type": "seed", "name": "map_unit"}
    nodes = {
        "a": {**node, "checksum": {"name": "sha256", "checksum": "f" * 64}},
        "b": {**node, "name": "large", "checksum": {"name": "path", "checksum": "x.csv"}},
        "c": {"resource_type": "model", "name": "m", "checksum": {}},
    }
    assert lineage.vocabularies({"nodes": nodes}) == {"map_unit": "f" * 64}
    assert lineage.vocabularies({}) == {}
