<?php

namespace App;

class Kernel extends \Illuminate\Foundation\Console\Kernel
{
    protected $commands = [SendMails::class];
}
