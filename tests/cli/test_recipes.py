"""`assay recipes`: every recipe with its first line, and each as it stands in its file."""

from assay.recipes.loader import recipe_names, recipe_path


def test_list_names_every_recipe_with_its_first_line(assay, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    said = assay("recipes", "list").out
    for name in recipe_names():
        assert name in said
        assert recipe_path(name).read_text().splitlines()[0].removeprefix("# ") in said


def test_show_gives_the_file_with_its_comments(assay):
    done = assay("recipes", "show", "kth/3.2")
    assert (done.code, done.out) == (0, recipe_path("kth/3.2").read_text())


def test_show_takes_a_file_too(bars_folder, assay):
    assert assay("recipes", "show", "bars.yaml").out == (bars_folder / "bars.yaml").read_text()


def test_an_unknown_recipe_shows_the_nearest(assay):
    done = assay("recipes", "show", "fashion/cnnbn")
    assert done.code == 2
    assert "unknown recipe 'fashion/cnnbn'; did you mean fashion/cnn-bn" in done.err
