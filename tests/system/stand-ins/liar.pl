#!/usr/bin/perl
# The login shell of a machine that lies to whoever starts a courier's shell there, in the way that
# /etc/liar says: words such as `how=doubled after=2 seed=7`. So many requests are answered honestly first.
# Whatever else is asked of this shell goes to an honest one.
use strict;
use warnings;
use IO::Select;
use IPC::Open3;
use Symbol 'gensym';

exec '/bin/bash', @ARGV unless @ARGV == 2 && $ARGV[1] eq 'sh' && open my $orders, '<', '/etc/liar';
my %order = (how => 'honest', after => 0, seed => 1, map { split /=/, $_, 2 } split ' ', <$orders>);
my ($how, $after) = @order{qw(how after)};
srand $order{seed};
binmode $_ for *STDIN, *STDOUT, *STDERR;
$SIG{PIPE} = sub { exit 0 };
# Whatever nobody reads any more is not to stay for ever.
alarm 120;

# Everything that a terminal could do something with, and a word by which it is found.
my $STEERS = "\e]0;LIAR\a\e[2J\e[31mLIAR\xc2\x9b31m\xc2\x9d0;LIAR\xc2\x9c\xe2\x80\xaeLIAR\xe2\x81\xa6"
    . "\x7f\b\b\xd8\x9c\xe2\x80\xa8LIAR\rerror: LIAR";
my $TURNS = "LIAR\xe2\x80\xaeLIAR\xe2\x81\xa6";
my $LARGE = 9223372036854775808;

sub out { my ($to, $bytes) = @_; while (length $bytes) { my $put = syswrite $to, $bytes; exit 0 unless $put; substr $bytes, 0, $put, '' } }
sub chance { join '', map { chr int rand 256 } 1 .. shift }
sub nonce { '@' . join '', map { sprintf '%02x', int rand 256 } 1 .. 16 }
sub frame { my ($nonce, $end) = @_; "$nonce begin\n$nonce $end\n" }

# What it does by itself, in the place of a shell's answer.
my %alone = (
    silent => sub { sleep 100 },
    closes => sub { },
    half => sub { out(*STDOUT, "$_[0] begin\nkernel=6"); out(*STDERR, "$_[0] beg") },
    trickle => sub { out(*STDOUT, "$_[0] begin\n"); for (1 .. 400) { out(*STDOUT, 'x'); select undef, undef, undef, 0.2 } },
    garbage => sub { out(*STDOUT, chance(1 << 16)) for 1 .. 8; out(*STDERR, chance(1 << 16)) },
    framed => sub { my $mess = chance(1 << 15); out($_, "$_[0] begin\n$mess\n$_[0] hello\n$mess\n$_[0] end ok\n") for *STDOUT, *STDERR },
    flood => sub { my $much = 'LIAR' x (1 << 14); out(*STDOUT, $much) while 1 },
    aside => sub { my $much = "LIAR\n" x (1 << 14); out(*STDOUT, "$_[0] begin\n$_[0] hello\n"); out(*STDERR, "$_[0] begin\n"); out(*STDERR, $much) while 1 },
    inside => sub { my $much = 'LIAR' x (1 << 14); out($_, "$_[0] begin\n") for *STDOUT, *STDERR; out(*STDOUT, $much) while 1 },
    marks => sub { my $much = ("$_[0] " . 'x' x 4000 . "\n") x 16; out($_, "$_[0] begin\n") for *STDOUT, *STDERR; out(*STDOUT, $much) while 1 },
    endless => sub { my $much = 'x' x (1 << 16); out(*STDOUT, "$_[0] begin\n$_[0] x"); out(*STDOUT, $much) while 1 },
    agrees => sub { out($_, "$_[0] begin\n$_[0] hello\n$_[0] end ok\n") for *STDOUT, *STDERR },
    refuses => sub { out(*STDOUT, "$_[0] begin\n$_[0] hello\n$_[0] end refused\n"); out(*STDERR, "$_[0] begin\n$STEERS\n$_[0] end\n") },
    unfit => sub { out($_, "$_[0] begin\n$_[0] unfit $STEERS\n$_[0] end\n") for *STDOUT, *STDERR },
    unknown => sub { out($_, "$_[0] begin\n$_[0] hello\n$_[0] end $STEERS\n") for *STDOUT, *STDERR },
    large => sub { out($_, "$_[0] begin\n$_[0] hello\n$_[0] end large $LARGE\n") for *STDOUT, *STDERR },
);

my ($shell_in, $shell_out, $shell_err) = (undef, undef, gensym);
my $shell = open3($shell_in, $shell_out, $shell_err, '/bin/sh');
binmode $_ for $shell_in, $shell_out, $shell_err;
my $select = IO::Select->new(*STDIN, $shell_out, $shell_err);
my ($said, $asked, $is_job, @nonces) = ('', 0, 0);
my %line = (1 => '', 2 => '');
my %held = (1 => '', 2 => '');

# What becomes of a line of the honest shell. A mark may stand behind the last words of what it ends.
sub told {
    my ($stream, $line) = @_;
    my ($data, $mark) = $line =~ /^(.*?)(\@[0-9a-f]{32} .*\n)\z/s ? ($1, $2) : ($line, '');
    my $nonce = $nonces[-1] // '';
    return $line if $asked <= $after;
    return $line x 2 if $how eq 'doubled';
    return $mark if $how eq 'skips';
    return '' if $how eq 'unmarked' && $mark =~ / (?:ended|done|hello|end)/;
    return $data . ($mark =~ s/^\@[0-9a-f]{32}/$nonces[-2] || nonce()/er) if $how eq 'stale';
    return $line . join '', map { frame($_, 'end ok') } @nonces, nonce() if $how eq 'early' && $mark =~ / end/;
    return frame(nonce(), 'end ok') . $line if $how eq 'foreign' && $mark =~ / begin/ && $asked == 1;
    if ($how eq 'huge') { $data =~ s/\b\d+\b/$LARGE/g; return $data . ($mark =~ s/(?<= )\d+\b/$LARGE/gr) }
    if ($how eq 'reversed') {
        $held{$stream} = $line . $held{$stream};
        return '' unless $mark =~ / end/;
        my $all = $held{$stream};
        $held{$stream} = '';
        return $all;
    }
    if ($how eq 'words') { $data =~ s/\n/$STEERS\n/ or $data .= $STEERS; $data =~ s/=/=$STEERS/; return $data . $mark }
    if ($how eq 'facts') { $data =~ s/^(os\.[A-Z_]+|kernel|host\.name|init)=.*/$1=$TURNS/; return $data . $mark }
    if ($how eq 'states') { $data =~ s/^(ActiveState|LoadState|UnitFileState)=.*/$1=$STEERS/; return $data . $mark }
    if ($how eq 'complains') { return $stream == 2 && length $data ? $STEERS . $data . $mark : $line }
    if ($how eq 'writes') { return $is_job && $mark =~ / ended/ ? "$data$STEERS\n$STEERS\n$mark" : $line }
    if ($how eq 'damages') {
        for (0 .. length($line) - 1) {
            next if rand() > 0.0015;
            substr($line, $_, 1) = rand() < 0.5 ? chr int rand 256 : '';
        }
    }
    return $line;
}

out(*STDOUT, "$STEERS\n"), out(*STDERR, "$STEERS\n") if $how eq 'greets';
# Whose end was lost on the way is not waited for.
while (my @ready = $select->can_read($asked > $after ? 5 : 100)) {
    for my $from (@ready) {
        my $length = sysread $from, my $bytes, 1 << 16;
        if (fileno $from == 0) {
            unless ($length) { $select->remove($from); close $shell_in; next }
            $said .= $bytes;
            while ($said =~ /\bch_begin (\@[0-9a-f]{32})\n/g) {
                ($asked, $is_job) = ($asked + 1, 0);
                push @nonces, $1;
            }
            $is_job ||= $said =~ /ch_job &/;
            if ($asked > $after && $alone{$how}) {
                # It reads on, as far as there is anything, so that nobody waits to be heard.
                sysread STDIN, my $more, 1 << 20 if IO::Select->new(*STDIN)->can_read(0.05);
                $alone{$how}->($nonces[-1]);
                kill KILL => $shell;
                exit 0;
            }
            # A nonce may come in two pieces.
            $said =~ s/^.*\bch_begin \@[0-9a-f]{32}\n//s;
            $said = substr $said, -64 if length $said > 64;
            print {$shell_in} $bytes;
            $shell_in->flush;
            next;
        }
        my $stream = $from == $shell_out ? 1 : 2;
        my $to = $stream == 1 ? *STDOUT : *STDERR;
        if ($length) {
            $line{$stream} .= $bytes;
            out($to, told($stream, $1)) while $line{$stream} =~ s/^(.*?\n)//s;
            next;
        }
        out($to, told($stream, $line{$stream})) if length $line{$stream};
        $select->remove($from);
        exit 0 if $select->count <= 1;
    }
}
kill KILL => $shell;
