#!/usr/bin/perl
# Asks whether an NFS server of version 4 answers. Argument: its address.
# Written by Phoenix (feature nfs-server). Perl is on every Debian.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM inet_pton pack_sockaddr_in pack_sockaddr_in6);

$SIG{ALRM} = sub { die "it does not answer\n" };
alarm 5;
my ($server) = @ARGV;
my $is_six = $server =~ /:/;
my $address = inet_pton($is_six ? AF_INET6 : AF_INET, $server) or die "`$server` is no address\n";
socket(my $socket, $is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die "no socket: $!\n";
connect($socket, $is_six ? pack_sockaddr_in6(2049, $address) : pack_sockaddr_in(2049, $address))
	or die "`$server` cannot be reached: $!\n";
# A call of the procedure that does nothing, of program 100003 in version 4, by nobody.
syswrite $socket, pack('N11', 0x80000028, $$, 0, 2, 100003, 4, 0, 0, 0, 0, 0) or die "it cannot be asked: $!\n";
my $answer = '';
while (length $answer < 28) {
	sysread $socket, $answer, 64, length $answer or die "it answers nothing\n";
}
my (undef, $id, $kind, $state, undef, undef, $result) = unpack 'N7', $answer;
exit !($id == $$ && $kind == 1 && $state == 0 && $result == 0);
