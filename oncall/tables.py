"""Many tables in one step of a migration.

Django renders every related model anew after each ``CreateModel``. With ninety tables that nearly all know the
person who changed them, a fresh portal would spend more time on that than on everything else it does to start.
"""

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class CreateTables(Operation):
    """The end of a list of operations that only make models, reached at once: for first migrations.

    ``operations`` are ``CreateModel`` and what completes such a model (``AddField``, ``AddIndex``,
    ``AddConstraint``); each table is made as it is after all of them.
    """

    serialization_expand_args = ["operations"]

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # rendered once, when somebody asks for it
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in self._models(app_label, schema_editor, to_state):
            schema_editor.create_model(model)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in reversed(self._models(app_label, schema_editor, from_state)):
            schema_editor.delete_model(model)

    def describe(self) -> str:
        return f"Create {sum(isinstance(each, CreateModel) for each in self.operations)} tables"

    def _models(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState) -> list:
        alias = schema_editor.connection.alias
        made = [each for each in self.operations if isinstance(each, CreateModel)]
        models = [state.apps.get_model(app_label, each.name) for each in made]
        return [model for model in models if self.allow_migrate_model(alias, model)]
