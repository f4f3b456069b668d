# SPDX-License-Identifier: Apache-2.0
# Perl's Net::FTP as a program: ADDRESS PORT USER PASSWORD MODE VERB ARGUMENTS...
# Exit status 0 only if Net::FTP reported success. Commands and replies go to standard error.
use strict;
use warnings;

# Net::FTP with a choice of the verb: by itself it uses EPSV and EPRT over IPv6 only.
package Session;
use parent 'Net::FTP';

our $extended = 0;

sub pasv {
    my $self = shift;
    return $extended ? $self->epsv : $self->SUPER::pasv(@_);
}

sub port {
    my $self = shift;
    return $extended ? $self->eprt(@_) : $self->SUPER::port(@_);
}

package main;

my ($address, $port, $user, $password, $mode, $verb, @words) = @ARGV;
$Session::extended = $mode eq 'EPSV' || $mode eq 'EPRT';
my $session = Session->new(
    $address,
    Port    => $port,
    Timeout => 30,
    Passive => ($mode eq 'PASV' || $mode eq 'EPSV') ? 1 : 0,
    Debug   => 1,
) or die "cannot connect: $@\n";

sub must {
    my ($done) = @_;
    die "$verb: " . $session->code . ' ' . $session->message . "\n" unless $done;
}

must($session->login($user, $password));
must($session->binary);
if ($verb eq 'upload') {
    must($session->put($words[0], $words[1]));
} elsif ($verb eq 'download') {
    must($session->get($words[0], $words[1]));
} elsif ($verb eq 'resume-download') {
    must($session->get($words[0], $words[1], -s $words[1]));
} elsif ($verb eq 'resume-upload') {
    open(my $file, '<', $words[0]) or die "$words[0]: $!\n";
    binmode($file);
    seek($file, $words[2], 0) or die "$words[0]: $!\n";
    must($session->append($file, $words[1]));
} elsif ($verb eq 'list') {
    my $lines = $session->dir(@words);
    must($session->ok);
    print "$_\n" for @$lines;
} elsif ($verb eq 'names') {
    my $lines = $session->ls(@words);
    must($session->ok);
    print "$_\n" for @$lines;
} elsif ($verb eq 'rename') {
    must($session->rename($words[0], $words[1]));
} elsif ($verb eq 'delete') {
    must($session->delete($words[0]));
} else {
    die "unknown verb $verb\n";
}
must($session->quit);
