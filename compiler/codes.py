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
BAD_VALUE = _error("SDN117", "{field}: {value!r} is not {expected}", "Correct the value.")
NO_OBJECTS = _error(
    "SDN118",
    "{path} has no objects",
    "Give JSON or YAML; the policy language has the statements `join`, `isolate` and `global`.",
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
EGRESS_IP_TWICE = _error(
    "SDN225",
    "{one} and {other} both claim the egress IP {address}",
    "An egress IP belongs to one project and one node.",
)
EGRESS_IP_OUTSIDE = _error(
    "SDN226",
    "egress IP {address} of node {node} is not inside {network}, the network of its primary address",
    "Choose an address of that network; it goes on the same interface.",
)
EGRESS_IP_TAKEN = _error("SDN227", "egress IP {address} is {what}", "Choose an address that nobody else has.")
EGRESS_IP_SHARED = _error(
    "SDN228",
    "project {project} has an egress IP, but shares NetID {netid} with {others}",
    "Isolate the project, or take the egress IP away.",
)
EGRESS_IP_GLOBAL = _error(
    "SDN229", "project {project} is global and cannot have an egress IP", "Isolate it, or take the egress IP away."
)
EGRESS_IP_UNHOSTED = _warning(
    "SDN230",
    "no node hosts an egress IP of project {project} ({addresses}): what leaves the cluster from it is dropped",
    "Give one of the addresses to a node.",
)
EGRESS_IPS_BOTH_WAYS = _error(
    "SDN231",
    "node {node} has egress IPs by hand and networks to take them from",
    "Leave one of them out.  OpenShift writes what it assigns from egressCIDRs into egressIPs: remove that.",
)
UNDERLAY_UNKNOWN = _note(
    "SDN232",
    "nothing tells the network of the primary address of {nodes}: addresses.sh checks egress IPs on the node",
    "Tell it in a node block of the policy language, which adds to the objects: address 192.168.100.11/24.",
)
MULTICAST_PARTLY = _warning(
    "SDN233",
    "multicast stays off in NetID {netid}: it is on for {on}, but not for {off}",
    "Switch it on for all projects that share the NetID, or for none.",
)
ENDPOINT_AND_SELECT = _error(
    "SDN234",
    "service {name} has endpoints by hand and selects pods",
    "Leave out `select`, or `endpoint`: the endpoints of a service that selects are its pods.",
)

ROUTER_SOURCE_TWICE = _error(
    "SDN240",
    "egress routers {one} and {other} have the same source address {address}",
    "An address serves one router only: give each its own.",
)
ROUTER_NOWHERE = _error(
    "SDN241", "egress router {name} can run on no node: {reason}", "Correct the selector, or label a node."
)
ROUTER_PLATFORM = _error(
    "SDN242",
    "egress router {name} cannot work on {platform}: it does not pass macvlan traffic",
    "Use static egress IPs or an egress proxy without a source address of its own.",
)
ROUTER_STEP = _note(
    "SDN243", "egress router {name} needs a step on {platform}: {step}", "Its file platform.txt has the details."
)
BAD_ROUTER = _error("SDN244", "egress router {name}: {reason}", "See the language reference, docs/language.md.")
NOT_A_STRING = _error(
    "SDN245",
    "annotation {name}: {value} is no string",
    'Quote it, as in "true": without quotes YAML makes a boolean of it.',
)
NOT_PRIVILEGED = _error(
    "SDN246",
    "{name} asks for a macvlan interface, but none of its containers is privileged",
    "Set securityContext.privileged: true on the container that sets it up.",
)
SEVERAL_REPLICAS = _error(
    "SDN247",
    "egress router {name} has replicas: {replicas}; only one pod can have its source address",
    "Set replicas: 1, or leave the object out while it runs nothing.",
)
NO_CONFIG_MAP = _error(
    "SDN248", "there is no ConfigMap {name!r} in project {project} with the key {key!r}", "Give the object, too."
)
BAD_VARIABLE = _error("SDN249", "{variable}: {reason}", "Correct the variable.")
BAD_DESTINATION_LINE = _error("SDN250", "{variable}, line {line}: {reason}", "Correct the line.")
ROUTER_ADDRESS = _error(
    "SDN251", "egress router {name}: its {role} {address} is {what}", "Choose an address of its own for it."
)
ROUTER_OFF_NETWORK = _warning(
    "SDN252",
    "egress router {name}: its {role} {address} is not inside {network}",
    "Correct the address, unless both networks are on one wire.",
)
SELECTS_NO_NODE = _warning("SDN253", "the selector {selector} selects no node", "Correct the selector.")
ROUTER_TARGET = _warning(
    "SDN254",
    "egress router {name} cannot reach {address}: it is {what}",
    "Correct the destination: a router leads out of the cluster.",
)
HOST_CHANGED = _error(
    "SDN260",
    "{kind} {name} changes its host from {old} to {new}",
    "Make a new object for the new host, or set allowHostnameChanges: true.",
)
HOST_TAKEN = _warning(
    "SDN261", "{host} is held by {holder}, so {loser} does not get it", "Choose another host or path."
)
HOST_STOLEN = _warning(
    "SDN262",
    "{kind} {name} takes {host} from {holder}, because it is the older object",
    "Make a new object for the new host instead of changing an old one.",
)
NO_TRANSITION = _error(
    "SDN270",
    "no cluster is between the old one and this: {reason}",
    "Make this change on its own, while nothing is sent that it is about.",
)

# 3xx: policies
BAD_PEER = _error("SDN301", "a peer {reason}", "A peer is an ipBlock, or a podSelector, a namespaceSelector or both.")
BAD_PORT = _error(
    "SDN302", "port {value}: {reason}", "A port is 1 to 65535; rules of policies take names of ports, too."
)
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
    "SDN315", "{kind} {name} names no namespace; it counts as one of `default`", "Add metadata.namespace."
)
NOT_ENFORCED = _warning(
    "SDN316", "{count} {kind} objects are not enforced: sdnc does not read them{hint}", "Enforce them by other means."
)
IGNORED_IN_SUBNET = _warning(
    "SDN317", "{count} {what} are ignored in subnet mode", "Use another mode: here all projects are one network."
)
BAD_DESTINATION = _error("SDN318", "a rule's destination {reason}", "It has exactly one of cidrSelector and dnsName.")
BAD_RULE_TYPE = _error("SDN319", "unknown type of rule {value!r}{hint}", "Allow or Deny.")
ZERO_HOST = _warning("SDN320", "0.0.0.0/32 counts as 0.0.0.0/0", "Write 0.0.0.0/0.")
BAD_DNS_NAME = _error(
    "SDN321", "{value!r} is not a DNS name: {reason}", "Write a whole name in lower case, as in www.example.com."
)
NAME_NOT_LOCKED = _error(
    "SDN322",
    "the addresses of {name!r} are not known: {reason}",
    "Run `sdnc resolve --dns-lock FILE`, and give the file with --dns-lock.",
)
DENIED_NAME_EMPTY = _error(
    "SDN323", "{name!r} has no address, so this rule would deny nothing", "Correct the name, or deny by CIDR."
)
ALLOWED_NAME_EMPTY = _warning("SDN324", "{name!r} has no address, so this rule allows nothing", "Correct the name.")
FIREWALL_GLOBAL = _error(
    "SDN325",
    "project {project} is global and cannot have an egress firewall",
    "Remove its egress firewall; a project other than `default` may be isolated instead.",
)
FIREWALL_SHARED = _error(
    "SDN326",
    "project {project} has an egress firewall, but shares NetID {netid} with {others}",
    "Isolate the project, or remove its egress firewall; or drop with --on-broken-egress-policy=drop.",
)
FIREWALL_TWICE = _error(
    "SDN327",
    "project {project} has more than one egress firewall",
    "Put all rules into one; or drop with --on-broken-egress-policy=drop.",
)
FIREWALL_DROPS = _warning(
    "SDN328",
    "the egress firewall of project {project} is broken ({reason}): everything that leaves is dropped",
    "Correct it; without --on-broken-egress-policy=drop it is an error.",
)
RULE_HIDDEN = _warning(
    "SDN329",
    "this rule can never decide: it is hidden by {hidden_by}",
    "Remove it, or put it before those that hide it.",
)
RULE_INSIDE = _warning(
    "SDN330",
    "this rule can never decide: its addresses are inside the cluster",
    "An egress firewall judges what leaves the cluster; use a NetworkPolicy for pods and services.",
)
SERVICE_BYPASSES = _warning(
    "SDN331",
    "service {service} leads to {address}, which the project's egress firewall denies",
    "Remove the endpoint: traffic by way of the service does not pass the egress firewall.",
)
ROUTE_BYPASSES = _warning(
    "SDN332",
    "route {route} leads to service {service} with the address {address}, which the project's egress firewall denies",
    "Remove the route or the endpoint: routes bypass the egress firewall.",
)
BAD_ADMIN_RULE = _error("SDN340", "{reason}", "See the language reference, docs/language.md.")

# 9xx: limits and notes
TOO_MANY = _note(
    "SDN901",
    "{count} more findings of severity {severity} in {path} are not told",
    "Correct those that are told, then check again.",
)
