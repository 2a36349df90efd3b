#!/usr/bin/perl
# Asks whether a Samba server answers. Argument: its address.
# Written by Phoenix (feature samba). Perl is on every Debian.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM inet_pton pack_sockaddr_in pack_sockaddr_in6);

$SIG{ALRM} = sub { die "it does not answer\n" };
alarm 5;
my ($server) = @ARGV;
my $is_six = $server =~ /:/;
my $address = inet_pton($is_six ? AF_INET6 : AF_INET, $server) or die "`$server` is no address\n";
socket(my $socket, $is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die "no socket: $!\n";
connect($socket, $is_six ? pack_sockaddr_in6(445, $address) : pack_sockaddr_in(445, $address))
	or die "`$server` cannot be reached: $!\n";
# Which of two versions of the protocol it speaks: the question that every client begins with.
my $head = "\xFESMB" . pack('v v V v v V V V2 V V V2', 64, (0) x 3, 1, (0) x 8) . "\0" x 16;
my $body = pack('v4 V', 36, 2, 1, 0, 0) . "\0" x 24 . pack('v2', 0x210, 0x300);
syswrite $socket, pack('N', length $head . $body) . $head . $body or die "it cannot be asked: $!\n";
my $answer = '';
while (length $answer < 16) {
	sysread $socket, $answer, 64, length $answer or die "it answers nothing\n";
}
exit !(substr($answer, 4, 4) eq "\xFESMB" && unpack('V', substr $answer, 12, 4) == 0);
