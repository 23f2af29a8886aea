"""What happens: virtual time, nodes, network, disk, faults and scenarios."""
