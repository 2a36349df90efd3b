#!/usr/bin/perl
# Asks a name server for each name of a hosts file, and says which it does not answer as the file has it. With a zone, a
# name in it that nobody has must not be there. Arguments: the server's address, the file, the zone if there is one.
# Written by Phoenix (feature dnsmasq). Perl is on every Debian, and programs that ask for names are not.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM inet_pton pack_sockaddr_in pack_sockaddr_in6);

my ($server, $file, $zone) = @ARGV;
my $is_six = $server =~ /:/;
my $address = inet_pton($is_six ? AF_INET6 : AF_INET, $server) or die "`$server` is no address\n";
my $there = $is_six ? pack_sockaddr_in6(53, $address) : pack_sockaddr_in(53, $address);
socket(my $socket, $is_six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0) or die "no socket: $!\n";
connect($socket, $there) or die "`$server` cannot be reached: $!\n";
my $number = $$ & 0xffff;

# Returns the code of the answer and the addresses in it.
sub ask {
	my ($name, $type) = @_;
	for (1 .. 3) {
		$number = ($number + 1) & 0xffff;
		my $labels = join '', map { pack 'C/a', $_ } split /\./, $name;
		my $question = pack('n6', $number, 0x0100, 1, 0, 0, 0) . $labels . pack('Cnn', 0, $type, 1);
		send($socket, $question, 0) or next;
		my ($ready, $answer) = ('', '');
		vec($ready, fileno($socket), 1) = 1;
		next unless select($ready, undef, undef, 1);
		next unless defined recv($socket, $answer, 4096, 0) && length $answer >= length $question;
		my ($id, $flags, undef, $count) = unpack 'n4', $answer;
		next unless $id == $number;
		# Behind the question; each record begins with a name that ends with nothing, or leads to another one.
		my ($at, @found) = (length $question);
		while ($count-- > 0) {
			my $label = ord substr $answer, $at, 1;
			while ($label > 0 && $label < 64) {
				$at += 1 + $label;
				last if $at + 12 > length $answer;
				$label = ord substr $answer, $at, 1;
			}
			$at += $label < 64 ? 1 : 2;
			last if $at + 10 > length $answer;
			my ($kind, undef, undef, $length) = unpack 'nnNn', substr $answer, $at, 10;
			push @found, substr $answer, $at + 10, $length if $kind == $type;
			$at += 10 + $length;
		}
		return ($flags & 15, @found);
	}
	die "`$server` does not answer\n";
}

my $wrong = 0;
open my $lines, '<', $file or die "`$file` cannot be read: $!\n";
while (<$lines>) {
	next if /^#/;
	my ($wanted, $name) = split;
	next unless defined $name;
	my $type = $wanted =~ /:/ ? 28 : 1;
	my $bytes = inet_pton($type == 28 ? AF_INET6 : AF_INET, $wanted);
	my ($code, @found) = ask($name, $type);
	next if grep { $_ eq $bytes } @found;
	print STDERR "`$name` is not answered with $wanted\n";
	$wrong = 1;
}
if (defined $zone) {
	my ($code) = ask("nobody-has-this-name.$zone", 1);
	if ($code != 3) {
		print STDERR "a name in `$zone` that nobody has is answered with code $code\n";
		$wrong = 1;
	}
}
exit $wrong;
