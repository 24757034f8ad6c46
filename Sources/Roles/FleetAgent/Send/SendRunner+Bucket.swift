import Fleet
import FleetLink
import Logging
import Metainfo

// The class's bucket, where this host has keys for it.
extension SendRunner {
    /// A bucket that has a share has the content before the job starts; one that stands in for others gets it meanwhile.
    func prepareBucket(_ sources: FleetSources, _ torrent: Torrent) async {
        guard let bucket = sources.bucket else { return }
        let place: AgentStores.Place
        do throws(StorePlaceProblem) {
            place = try context.stores.place(
                bucket, job: job, name: order.name ?? String(record.path.split(separator: "/").last ?? ""))
        } catch {
            return context.logger.warning(
                "the class's bucket cannot be used", metadata: ["job": "\(job)", "reason": "\(error)"])
        }
        guard place.hasKeys else { return }
        let giver = BucketGiver(place: place, torrent: torrent, path: record.path)
        if bucket.presigns { self.giver = giver }
        guard bucket.uploads else { return }
        let (logger, job) = (context.logger, job)
        let upload = Task {
            if let problem = await giver.upload() {
                logger.warning(
                    "the class's bucket does not have the content", metadata: ["job": "\(job)", "reason": "\(problem)"])
            }
        }
        self.upload = upload
        guard sources.shares.map({ $0.obs > 0 }) ?? false, !record.hasStarted else { return }
        await withTaskCancellationHandler {
            await upload.value
        } onCancel: {
            upload.cancel()
        }
    }

    /// Signs URLs for targets without keys, and again before they run out.
    func grant() async {
        let now = context.clock.now
        guard let giver, now.uptime >= nextGrant else { return }
        nextGrant = now.uptime + BucketGiver.renewal
        let ends = await context.controlTime + BucketGiver.validity
        guard let grant = giver.sign(at: now.wall.seconds, expires: ends) else {
            context.logger.warning("no URLs of the class's bucket are signed", metadata: ["job": "\(job)"])
            return
        }
        do throws(LinkRefusal) { try await context.link.keep(grant: grant, of: job) } catch {
            context.logger.warning(
                "control does not keep the signed URLs", metadata: ["job": "\(job)", "reason": "\(error.text)"])
            nextGrant = now.uptime + 15
        }
    }
}
