<?php

namespace App;

use App\Jobs\SendMail;
use Illuminate\Console\Command;

/** Puts mails into the queue: `php artisan mail:send a@example.com b@example.com`. */
class SendMails extends Command
{
    protected $signature = 'mail:send {to*}';

    protected $description = 'Put mails into the queue';

    public function handle(): void
    {
        foreach ($this->argument('to') as $to) {
            app('queue')->push(new SendMail($to));
        }
    }
}
