"""`helpdesk keys`: create, list and revoke API keys, directly in the store."""

from contextlib import closing
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import access
from cli.app import new_app
from cli.console import Json, print_json, program, stdout, table
from helpdesk.clock import utc_now
from helpdesk.ports.store import ApiKey, Role

app = new_app("API keys: each has a role, and only its hash is stored.")


@app.command("create")
def create_key(
    role: Annotated[Role, typer.Argument(help="What the key may do.", show_default=False)],
    name: Annotated[
        str,
        typer.Option(help="Whose key it is: the portal's, the agent's or the program's name.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Create a key. Its secret is shown this once."""
    from helpdesk.web.keys import new_key

    secret, key = new_key(role, name=name)
    with closing(access.store()) as store, store.transaction() as tx:
        tx.add_api_key(key)
    if as_json:
        print_json(_document(key) | {"secret": secret})
        return
    stdout().print(
        f"[bold]{secret}[/]\n"
        f"[bright_black]{key.key_id}, role {role.value}, name {escape(key.name)}. Store the secret now: only its hash "
        "is kept. Send it as `Authorization: Bearer …`.[/]",
        soft_wrap=True,
    )


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List keys, without their secrets."""
    with closing(access.store()) as store, store.reading() as tx:
        keys = tx.api_keys()
    if as_json:
        print_json({"keys": [_document(key) for key in keys]})
        return
    console = stdout()
    if not keys:
        console.print(f"There are no keys; make one: {program()} keys create portal --name shop")
        return
    listing = table("key", "role", "name", "created", "revoked")
    for key in keys:
        created, revoked = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (key.created_at, key.revoked_at))
        style = "bright_black" if key.revoked_at else ""
        listing.add_row(key.key_id, key.role, escape(key.name), created, revoked, style=style)
    listing.columns[0].no_wrap = True
    console.print(listing)


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, from `helpdesk keys list`.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Revoke a key; running services refuse it within a few seconds."""
    with closing(access.store()) as store, store.transaction() as tx:
        tx.revoke_api_key(key_id, at=utc_now())
    if as_json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        stdout().print(f"revoked {key_id}")


def _document(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
