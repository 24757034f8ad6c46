import Address
import ArgumentParser
import Swarm
import Tracking

/// The options that `seed` and `get` share.
struct TransferArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to take connections; outgoing ones come from its address. Default: first free port of 6881-6889.",
            valueName: "addr:port"),
        transform: AddressArgument.listen)
    var listen: PeerAddress?

    @Option(
        help: ArgumentHelp(
            "The address that the tracker gives to other peers, for a host behind NAT or next to its tracker.",
            valueName: "addr"),
        transform: AddressArgument.host)
    var announceAddress: String?

    @Option(
        help: ArgumentHelp(
            "The site of this host: hosts of one site fetch each piece from outside only once. Default: "
                + "hosts of one private /24, or one /64 of IPv6, are a site.",
            valueName: "name"),
        transform: SiteName.parse)
    var site: String?

    @Option(help: ArgumentHelp("Most to send, as in 10MB/s.", valueName: "rate"), transform: Rate.parse)
    var uploadLimit: Rate?

    var options: TransferOptions {
        var options = TransferOptions()
        options.listen = listen
        options.announceAddress = announceAddress
        options.site = site
        options.uploadLimit = uploadLimit?.bytesPerSecond
        return options
    }
}
