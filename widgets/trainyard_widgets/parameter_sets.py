"""What a page with a form of parameters may do with kept ones: take, keep, replace, import, delete."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from trainyard.errors import Conflict, Invalid
from trainyard.records.accounts import Me
from trainyard.records.parameter_sets import NewParameterSet, ParameterSet, ParameterSetChange
from trainyard.words import N_

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, action


class ParameterSetActions(Page):
    """A page whose form holds parameters."""

    @action(reloads=False)
    def parameter_sets(self) -> list[dict[str, Any]]:
        """What the viewer may use, by name."""
        found = self.client.get("/parameter-sets", list[ParameterSet])
        # as text too: the browser's numbers know no difference between 1 and 1.0
        return [one.model_dump(mode="json") | {"text": json.dumps(one.parameters, ensure_ascii=False)} for one in found]

    @action(reloads=False)
    def keep_parameters(self, form: dict[str, Any], text: str, replace: bool = False) -> None:
        """Keep the parameters in ``text`` (JSON) under the form's name; with ``replace`` in place of those of that name."""
        new = filled_in(TypeAdapter(NewParameterSet), {**form, "parameters": _object(text)})
        try:
            self.client.post("/parameter-sets", ParameterSet, new)
        except Conflict:
            own = self._own(new.name)
            if not replace or own is None:
                raise
            change = ParameterSetChange.model_validate(new.model_dump())
            self.client.patch(f"/parameter-sets/{own.id}", ParameterSet, change.model_dump(mode="json", exclude_none=True))

    @action(reloads=False)
    def import_parameters(self, name: str, text: str) -> None:
        """Keep what a file holds: an exported set, or plain parameters."""
        found = _object(text)
        exported = isinstance(found.get("parameters"), dict) and found.keys() <= {"name", "description", "parameters"}
        body = {"name": name, **found} if exported else {"name": name, "parameters": found}
        self.client.post("/parameter-sets", ParameterSet, filled_in(TypeAdapter(NewParameterSet), body))

    @action(reloads=False)
    def delete_parameters(self, identifier: str) -> None:
        """Delete a kept set."""
        self.client.delete(f"/parameter-sets/{identifier}")

    def _own(self, name: str) -> ParameterSet | None:
        me = self.client.get("/me", Me).id
        found = self.client.get("/parameter-sets", list[ParameterSet], search=name)
        return next((one for one in found if one.name == name and one.owner.id == me), None)


def _object(text: str) -> dict[str, Any]:
    """The JSON object in ``text``.

    Raises:
        Invalid: it is none.
    """
    try:
        found = json.loads(text.removeprefix("\ufeff") or "{}")
    except (ValueError, RecursionError) as problem:
        line, column = getattr(problem, "lineno", 1), getattr(problem, "colno", 1)
        raise Invalid("not-json", N_("This is not JSON: line {line}, column {column}."), line=line, column=column) from None
    if not isinstance(found, dict):
        raise Invalid("not-an-object", N_("Write an object: names and values between braces."))
    return found
