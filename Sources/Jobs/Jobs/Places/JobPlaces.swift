/// Where a job's content and its own records lie.
package struct JobPlaces: Sendable {
    /// Where the content gathers: a directory, or the file of content that is one file.
    package let incoming: String
    /// The directory of the job's own records: torrents, how far its transfers are, what was checked.
    package let work: String
    /// Where the content is put when all of it is here and right. Nil where it is served from `incoming` and not kept.
    package let final: Final?
    /// Incoming and work directories lie below it, and are removed with it as their bound.
    package let staging: OwnTree

    package struct Final: Sendable {
        package let path: String
        /// An empty file that appears once the content is complete, beside a torrent of it. Nil where nothing is put beside
        /// the content.
        package let marker: String?
        package let kind: Publication.MachineKind

        package init(path: String, marker: String?, kind: Publication.MachineKind) {
            self.path = path
            self.marker = marker
            self.kind = kind
        }
    }

    package init(incoming: String, work: String, final: Final?, staging: OwnTree) {
        self.incoming = incoming
        self.work = work
        self.final = final
        self.staging = staging
    }

    /// The path of the job's ``CheckRecord``.
    package var checkRecord: String { work + "/verified" }

    /// The step that puts the content at its final place; nil where it is not kept.
    package var publication: Publication? {
        final.map { final in
            Publication(
                incoming: incoming, final: final.path, marker: final.marker, record: checkRecord,
                staging: staging,
                machine: final.kind)
        }
    }
}
