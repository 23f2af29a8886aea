"""What is stored of a notebook is what every run stores."""

import nbformat

from dsviz.authoring.execute import execute, tidy


def notebook(*outputs, **metadata):
    cell = nbformat.v4.new_code_cell("x", outputs=list(outputs), metadata=metadata)
    return nbformat.v4.new_notebook(
        cells=[cell], metadata={"widgets": {}, "dsviz": {"lesson": "x"}}
    )


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def test_what_was_printed_in_pieces_is_joined():
    made = notebook(stream("a\n"), stream("b\n"), stream("c\n", "stderr"), stream("d\n"))
    tidy(made)
    assert [(o.name, o.text) for o in made.cells[0].outputs] == [
        ("stdout", "a\nb\n"),
        ("stderr", "c\n"),
        ("stdout", "d\n"),
    ]


def test_nothing_of_one_run_or_one_kernel_is_left():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    both = nbformat.v4.new_output("display_data", data={**view, "text/plain": "a player"})
    made = notebook(both, nbformat.v4.new_output("display_data", data=dict(view)), execution={})
    tidy(made)
    (only,) = made.cells[0].outputs
    assert only.data == {"text/plain": "a player"}
    assert made.cells[0].metadata == {}
    assert set(made.metadata) == {"kernelspec", "language_info", "dsviz"}


def test_a_notebook_is_run_as_by_somebody_who_has_answered_nothing(tmp_path, monkeypatch):
    from dsviz.answers import keep

    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path / "mine"))
    keep("x/E1", 5)
    cell = nbformat.v4.new_code_cell("from dsviz.lesson import answer\nprint(answer('x/E1'))")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "n.ipynb")
    execute(tmp_path / "n.ipynb")
    stored = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    assert stored.cells[0].outputs[0].text == "None\n"
