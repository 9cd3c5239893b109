"""Who calls: tokens, their owners, and what these may read and write."""

from dataclasses import dataclass

from hub_server.messages import HubError, Reply, Request, as_json
from hub_server.store import Repo, Store


@dataclass(frozen=True)
class Account:
    """A user, the organisations that it may write to, and the role of its token ("write" or "read")."""

    name: str
    organisations: tuple[str, ...] = ()
    role: str = "write"


# Made to look like real ones, so that a leak into a message, a card or a log is noticed.
WRITER, READER, STRANGER = ("hf_" + three * 12 for three in ("wR1", "rE2", "sT3"))
ACCOUNTS = {
    WRITER: Account("ann", ("org",)),
    READER: Account("ann", ("org",), role="read"),
    STRANGER: Account("bob"),
}


def account_of(request: Request) -> Account | None:
    """Return the caller, None if it gave no token; 401 for a token that nobody has."""
    header = request.headers.get("Authorization", "")
    if not header:
        return None
    account = ACCOUNTS.get(header.removeprefix("Bearer "))
    if account is None:
        raise HubError(401, "Invalid credentials in Authorization header")
    return account


def owns(account: Account | None, namespace: str) -> bool:
    return account is not None and namespace in (account.name, *account.organisations)


def check_may_write(account: Account | None, namespace: str, kind: str) -> None:
    """401 without a token, 403 for one that may only read or belongs to somebody else."""
    if account is None:
        raise HubError(401, "Invalid username or password.")
    if account.role != "write":
        raise HubError(403, "Your token is read-only: it needs write access")
    if not owns(account, namespace):
        raise HubError(403, f'You don\'t have the rights to create a {kind} under the namespace "{namespace}"')


def readable(store: Store, request: Request) -> Repo:
    """Return the repository of a request if the caller may see it; the Hub hides the others as missing."""
    account = account_of(request)
    repo = store.repos.get((request.kind, request.repo))
    if repo is None or (repo.private and not owns(account, repo.namespace)):
        status = 401 if account is None else 404
        raise HubError(status, "Repository not found", "RepoNotFound")
    return repo


def writable(store: Store, request: Request, pull_request: bool = False) -> Repo:
    """Return the repository of a request if the caller may change it; anyone with a token may open a pull request."""
    repo, account = readable(store, request), account_of(request)
    if not (pull_request and account is not None and account.role == "write"):
        check_may_write(account, repo.namespace, repo.kind)
    return repo


def whoami(store: Store, request: Request) -> Reply:
    account = account_of(request)
    if account is None:
        raise HubError(401, "Invalid username or password.")
    token = {"displayName": "test", "role": account.role}
    organisations = [{"type": "org", "name": name} for name in account.organisations]
    return as_json({"type": "user", "name": account.name, "orgs": organisations, "auth": {"accessToken": token}})
