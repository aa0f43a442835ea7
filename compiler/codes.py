"""Every diagnostic that sdnc can raise, declared once.

The number tells the stage: 1xx reading a file, 2xx the cluster (objects that exist), 3xx policies, 9xx limits and
notes.  A number is never used again for something else.  docs/diagnostics.md is made from this list.
"""

from __future__ import annotations

from enum import Enum
from string import Formatter

from attrs import frozen


class Severity(Enum):
    """How bad it is: an error stops the compilation, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@frozen
class Code:
    """The declaration of one kind of diagnostic.

    `id` is stable for ever (`SDN203`), `message` is a format string over the fields that a report gives, `help` says
    the way out.
    """

    id: str
    severity: Severity
    message: str
    help: str

    def fields(self) -> frozenset[str]:
        """The names of the fields that the message needs."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.message) if name)


def _error(id: str, message: str, help: str) -> Code:
    return Code(id, Severity.ERROR, message, help)


def _warning(id: str, message: str, help: str) -> Code:
    return Code(id, Severity.WARNING, message, help)


def _note(id: str, message: str, help: str) -> Code:
    return Code(id, Severity.NOTE, message, help)


# 1xx: reading files
UNREADABLE = _error("SDN101", "cannot read {path}: {reason}", "Check the path and its permissions.")
NOT_TEXT = _error("SDN102", "{path} is not UTF-8 text: {reason}", "Save the file as UTF-8.")
NUL_BYTE = _error("SDN103", "a NUL byte", "Remove it; text files hold none.")
BAD_JSON = _error("SDN104", "invalid JSON: {reason}", "Correct the syntax; was the file cut off?")
BAD_YAML = _error("SDN105", "invalid YAML: {reason}", "Correct the syntax.")
DUPLICATE_KEY = _error(
    "SDN106",
    "the key {key!r} occurs twice in one mapping",
    "Keep one of them; readers disagree about which one counts.",
)
TOO_DEEP = _error("SDN107", "nested deeper than {limit} levels", "Flatten it; no object of Kubernetes is so deep.")
YAML_ALIAS = _error(
    "SDN108", "aliases expand to more than {limit} values", "Write the values out; no object of Kubernetes is so big."
)
YAML_TAG = _error(
    "SDN109", "the YAML tag {tag!r} is not allowed", "Only plain strings, numbers, booleans and null are."
)
BAD_SYNTAX = _error(
    "SDN110", "expected {expected}, found {found}{hint}", "See the language reference, docs/language.md."
)
WRONG_TYPE = _error("SDN111", "{field}: expected {expected}, found {found}", "Correct the value.")
MISSING_FIELD = _error("SDN112", "{kind} lacks the field {field!r}", "Add it.")
UNKNOWN_FIELD = _error(
    "SDN113",
    "unknown field {field!r} in {kind}{hint}",
    "A field that is not understood could open a hole; correct or remove it.",
)
NO_INPUT = _error(
    "SDN114", "no policy or object file found in {path}", "Give a file or folder with .sdn, .json or .yaml files."
)
UNKNOWN_KINDS = _note("SDN115", "skipped objects of kinds that sdnc does not use: {kinds}", "Nothing to do.")
UNSUPPORTED_VERSION = _error(
    "SDN116", "{kind} of version {version!r} is not supported; {supported} is", "Correct the version."
)

# 2xx: the cluster
BAD_NAME = _error("SDN201", "{what} {name!r} is not a valid name: {reason}", "Use a name that Kubernetes accepts.")
BAD_ADDRESS = _error("SDN202", "{value!r} is not an IPv4 address", "Write it as 10.128.0.5.")
BAD_CIDR = _error("SDN203", "{value!r} is not an IPv4 network", "Write it as 10.128.0.0/14.")
HOST_BITS = _warning("SDN204", "{value} has host bits set; it counts as {network}", "Write the network address.")
BAD_NUMBER = _error("SDN205", "{what} {value} is out of range: {low} to {high}", "Choose a number in the range.")
DUPLICATE = _error("SDN206", "{what} {name} is defined twice", "Remove one of them.")
UNKNOWN_PROJECT = _error("SDN207", "there is no project {name!r}{hint}", "Define it, or correct the name.")
UNKNOWN_NODE = _error("SDN208", "there is no node {name!r}{hint}", "Define it, or correct the name.")
NO_CLUSTER = _error(
    "SDN209", "nothing tells the cluster network: {what}", "Give a ClusterNetwork object, or a `cluster` block."
)
DISAGREE = _error("SDN210", "{what}: {one} here, {other} elsewhere", "Make the sources agree.")
OVERLAP = _error("SDN211", "{one} overlaps {other}", "Choose networks that do not overlap.")
OUTSIDE = _error("SDN212", "{what} {value} is not inside {network}", "Choose one that is.")
ADDRESS_TWICE = _error(
    "SDN213", "{what} has the address {address}, which {other} has, too", "An address belongs to one only."
)
RESERVED_ADDRESS = _error(
    "SDN214", "{what} has the address {address}, which is {reserved}", "Choose another address of the node's subnet."
)
BAD_NETID = _error("SDN215", "NetID {netid} of project {project}: {reason}", "A NetID is 0, or 10 to 16777215.")
NETID_SHARED = _error(
    "SDN216", "projects {one} and {other} share NetID {netid} in networkpolicy mode", "Give each project its own NetID."
)
NO_RENUMBERING = _error(
    "SDN217", "{action} needs multitenant mode; the mode is {mode}", "Express it with policies, or change the mode."
)
ISOLATE_DEFAULT = _error("SDN218", "the project `default` is global and cannot be {action}", "Leave it out.")
SELECTS_NONE = _warning("SDN219", "the selector {selector} selects no project", "Correct the selector.")
BAD_LABEL = _error("SDN220", "{what} {value!r} is not valid: {reason}", "Use a label that Kubernetes accepts.")
PORT_TWICE = _error(
    "SDN221", "{what} has the OpenFlow port {port}, which {other} has, too", "A port belongs to one pod only."
)
INCOMPLETE_NODE = _error(
    "SDN222", "node {name} lacks {what}", "Give its HostSubnet object, or complete its `node` block."
)
BAD_POD_NETWORK = _error(
    "SDN223", "hostSubnetLength {length} of {network}: {reason}", "Use 2 or more, less than the network has."
)
BAD_PLUGIN = _error(
    "SDN224",
    "unknown network plug-in {value!r}{hint}",
    "redhat/openshift-ovs-subnet, -multitenant or -networkpolicy.",
)

# 3xx: policies
BAD_PEER = _error("SDN301", "a peer {reason}", "A peer is an ipBlock, or a podSelector, a namespaceSelector or both.")
BAD_PORT = _error("SDN302", "port {value}: {reason}", "A port is 1 to 65535 or a port's name.")
BAD_PROTOCOL = _error("SDN303", "unknown protocol {value!r}{hint}", "TCP, UDP or SCTP.")
BAD_EXCEPT = _error("SDN304", "except {value} is not strictly inside {cidr}", "Correct one of them.")
BAD_SELECTOR = _error("SDN305", "selector: {reason}", "See the Kubernetes API, LabelSelectorRequirement.")
BAD_POLICY_TYPE = _error("SDN306", "unknown policy type {value!r}{hint}", "Ingress or Egress.")
IPV6_BLOCK = _warning("SDN307", "the IPv6 network {value} matches nothing in an IPv4 pod network", "Remove it.")
POLICIES_IGNORED = _warning(
    "SDN308", "{count} NetworkPolicy objects are ignored in {mode} mode", "Use networkpolicy mode to enforce them."
)
UNKNOWN_SET = _error("SDN309", "there is no {kind} set {name!r}{hint}", "Define it, or correct the name.")
BAD_ANNOTATION = _error("SDN310", "annotation {name}: {reason}", "Correct the annotation.")
SET_CYCLE = _error("SDN311", "{kind} set {name!r} contains itself: {cycle}", "Take one of the references out.")
NO_DIRECTION = _error(
    "SDN312", "policy {name} has neither an ingress nor an egress block", "Add one; an empty block denies everything."
)
LOOKS_LIKE_ADDRESS = _error(
    "SDN313",
    "{word!r} would be a label key here, because it stands behind a selector",
    "Put addresses before pods and projects, or in a rule of their own.",
)
UNKNOWN_PEER = _warning(
    "SDN314",
    "the peer's project {name!r} does not exist, so it matches nothing{hint}",
    "Define it, or correct the name.",
)
NO_NAMESPACE = _warning(
    "SDN315", "NetworkPolicy {name} names no namespace; it counts as one of `default`", "Add metadata.namespace."
)
NOT_ENFORCED = _warning(
    "SDN316", "{count} {kind} objects are not enforced: sdnc does not read them{hint}", "Enforce them by other means."
)

# 9xx: limits and notes
TOO_MANY = _note(
    "SDN901",
    "{count} more findings of severity {severity} in {path} are not told",
    "Correct those that are told, then check again.",
)
