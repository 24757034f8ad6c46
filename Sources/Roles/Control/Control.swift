// Control: the node that decides, remembers and shows.
//
// Purpose: carries out what the values of Fleet decide: answers agents, moves jobs, offers an API, writes the audit. Must never:
// hold a decision that Fleet could hold, or move content itself.
